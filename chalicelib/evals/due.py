"""The name under which workers are sent to trials; light to import."""

ERRAND = "eval_trial"
