"""Where several runs of the paper's tables go on at a time: processes of this machine, or tasks of Ray."""

from anzan.paper.engines.local import reproduce_in_processes
from anzan.paper.engines.ray import reproduce_on_ray

__all__ = ["reproduce_in_processes", "reproduce_on_ray"]
