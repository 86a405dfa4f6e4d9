"""How a plan is made: parts of the stage `pipeline.plan`."""
