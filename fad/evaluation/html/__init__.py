"""report.html: results as one self-contained page.

Each section has a module that prepares its data and a jinja2 template that lays it out.
"""
