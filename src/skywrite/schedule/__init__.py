"""The former home of `skywrite.posting.schedule`, kept until 0.2 for `times`."""
