"""The user study: its design, the page that participants see, the analysis, simulated answers."""
