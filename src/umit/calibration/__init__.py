"""What cannot be read in a checkpoint's files, measured: the frame in which it writes places."""

from __future__ import annotations

from umit.calibration.drawn import Drawn, phantoms, shapes
from umit.calibration.frames import CANVASES, Fit, Frame, fit
from umit.calibration.measure import Measurement, measure_frame

__all__ = ["CANVASES", "Drawn", "Fit", "Frame", "Measurement", "fit", "measure_frame", "phantoms", "shapes"]
