"""Chat completions: of bare models, and of agents whose turns run in sessions."""
