"""What experiments and hold-outs showed: read as planned, judged, kept look by look, worded and shown."""
