"""The search itself: what is proposed, counted, scored and kept, round by round, wherever it is computed."""
