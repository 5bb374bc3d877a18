"""Training in the paper's two stages: rows, collation, loss and a thin shell over TRL's SFTTrainer."""
