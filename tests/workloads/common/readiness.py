"""How soon an image is of use: the seconds until its libraries are imported, and the first answer.

The container's own start is measured from outside.
"""

import time

from kit import lines

with lines.workload():
    begun = time.perf_counter()
    from kit import framework

    library = framework.load()
    imported = time.perf_counter()
    call = library.inference("distilbert", batch=1, precision="fp32")
    made = time.perf_counter()
    call()
    answered = time.perf_counter()
    lines.samples("import", [imported - begun])
    lines.samples("first answer", [answered - made])
