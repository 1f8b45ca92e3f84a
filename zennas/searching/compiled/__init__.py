"""The core of a search, compiled: offspring, duplicates, costs and budgets of a round at once, on rows of integers.

It does what `zennas.spaces.operators`, `zennas.counting` and `zennas.searching.rounds` do, number for number.
"""
