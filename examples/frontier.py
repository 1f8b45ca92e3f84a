"""The best networks for several budgets in one search, as a table and as a picture.

python examples/frontier.py [iterations]
"""

import sys

import zennas
from zennas.report import plot_frontier

iterations = int(sys.argv[1]) if len(sys.argv) > 1 else 10_000
result = zennas.search(
    "resnet", 32, 100, params=["250k", "500k", "1M"], layers=18, iterations=iterations, rescore=0, out="runs/frontier"
)

for winner in result.winners:
    print(
        f"{winner.costs.params:>9,} params  score {winner.score:6.2f}  {zennas.format_structure(winner.architecture)}"
    )

plot_frontier(result, "params").write_html("frontier.html")
print("drawn into frontier.html")
