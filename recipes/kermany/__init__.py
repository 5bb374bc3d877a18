"""Classification on real films: pneumonia in children's chests, against what else is taught the same films.

``python -m recipes.kermany --root FOLDER --out OUT`` teaches the embedded checkpoint four fifths of the patients of the data of
Kermany et al. (2018), and a logistic regression, a small CNN and ResNet-18 the same films as often, changed the same way. All
are asked about the other fifth as it is and under every change of the robustness card, by the path of ``umit evaluate --perturb``.
A part of the same hospital's films proves little about another's. Research use only, not a medical device.
"""
