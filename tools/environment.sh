# What node is to be started with, sourced by the launcher and by tools/node ($root is set). In the npm package it lies in dist/.

# Compiled code is kept between runs: it halves the time to start.
export NODE_COMPILE_CACHE="${NODE_COMPILE_CACHE:-$root/node_modules/.cache/naru-compile}"
export PATH="$root/node_modules/.bin:$PATH"

# Memory, at no cost in speed: an idle cluster takes 10 MB less where threads share two heaps of the C library (each would get its own);
# a busy one some 30 MB less where the space for new objects grows to 32 MB, not 64, before it is cleared (--max-semi-space-size=16).
export MALLOC_ARENA_MAX="${MALLOC_ARENA_MAX:-2}"
# What is larger than a piece of an answer (256 KB) goes back to the system when it is let go: five hundred heavy definitions that were read and
# packed would else leave 170 MB of holes.
export MALLOC_MMAP_THRESHOLD_="${MALLOC_MMAP_THRESHOLD_:-278528}"
