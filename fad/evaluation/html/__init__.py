"""report.html: the results as one self-contained page, made by jinja2 from `templates/`."""
