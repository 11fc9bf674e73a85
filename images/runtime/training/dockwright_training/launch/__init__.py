"""How the script's processes are started: the commands for one process, several, and several hosts."""
