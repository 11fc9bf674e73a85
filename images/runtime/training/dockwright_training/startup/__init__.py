"""What Python does at the start of every process of a job."""

from pathlib import Path

PATH = str(Path(__file__).parent)
"""To stand at the end of the script's PYTHONPATH."""
