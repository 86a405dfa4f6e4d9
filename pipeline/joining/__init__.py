"""What several asks brought, made one: parts of the stage `pipeline.assemble`, and of `pipeline.complete`."""
