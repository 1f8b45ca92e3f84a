"""Every benchmark of the documentation."""

import algorithms
import closed_form_accuracy
import design
import designs
import distillation
import latency
import latency_searches
import latency_whole
import mutations
import pooling
import quality
import race_images
import rescoring
import same_winner
import serving
import speed
import trained
import training_gpu
import training_throughput
import which_score
import winners
import workers
import zen

SCRIPTS = (
    speed,
    closed_form_accuracy,
    pooling,
    quality,
    winners,
    mutations,
    algorithms,
    same_winner,
    zen,
    rescoring,
    race_images,
    workers,
    latency,
    latency_searches,
    latency_whole,
    serving,
    training_gpu,
    training_throughput,
    distillation,
    designs,
    trained,
    design,
    which_score,
)
"""In the order in which they run: what others need comes first."""
BENCHMARKS = {benchmark.name: benchmark for script in SCRIPTS for benchmark in script.BENCHMARKS}
