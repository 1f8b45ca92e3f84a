"""Does a score predict accuracy? Networks of known accuracy, ranked by every score."""
