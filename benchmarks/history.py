"""Tables whose scripts are not kept: what they led to has changed since, so that they cannot be measured again."""

from benchmark import Benchmark, Show, table


def show_rows(*header: str) -> Show:
    """A table of rows that were kept as they were printed."""
    return lambda results: table(header, [[name, *row["cells"]] for name, row in results.rows.items()])


BENCHMARKS = [
    Benchmark(
        "latency-anew",
        "",
        {
            "latency-anew": show_rows(
                "space, input, batch", "convolutions, median error", "within 5 %", "measuring again", "within 5 %"
            )
        },
    ),
    Benchmark(
        "latency-allocator",
        "",
        {
            "latency-allocator": show_rows(
                "multiply-adds", "given back (the default)", "kept up to 32 MB a block", "all kept"
            )
        },
    ),
    Benchmark(
        "latency-iterations-again",
        "",
        {
            "latency-iterations-again": show_rows(
                "seed", "from the start", "again: ⅛ of the iterations", "¼", "½", "¾", "as many"
            )
        },
    ),
]
