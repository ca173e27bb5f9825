"""Repository-level pre-training: masked tokens and in-context classification at every exit, packed to the window."""
