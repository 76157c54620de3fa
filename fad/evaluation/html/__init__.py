"""report.html: results as one self-contained page."""
