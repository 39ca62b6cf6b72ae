"""What a run leaves on disk while it goes on: the journal and its samples."""
