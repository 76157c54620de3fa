"""Jobs on a Slurm cluster: the parts of `run_slurm.py`."""
