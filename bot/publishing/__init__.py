"""From a saved file to answers: what the edit changes, what goes live, and the way back."""
