"""Results made visible: pictures with boxes and points, and one self-contained page."""
