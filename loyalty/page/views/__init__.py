"""What members see and do, page by page."""
