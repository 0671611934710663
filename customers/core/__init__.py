"""What every floor of the house stands on: no models, no business."""
