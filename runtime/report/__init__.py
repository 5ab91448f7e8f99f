"""What a person reads afterwards: HTML reports rendered by Jinja2, autoescaped, self-contained."""
