"""python -m aiqa"""

import sys

from aiqa.cli import main

sys.exit(main())
