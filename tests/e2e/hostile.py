"""Models that would swell what reads their results, and what the operator may need all the same."""

MIB = 1 << 20
MOST = 128 * MIB  # of one operator process at any moment
PEAK = "VmHWM"  # the largest resident size of a process so far
RESIDENT = "VmRSS"
OWN = "RssAnon"  # of that, heap and stacks: not the pages of the program and its libraries, which the kernel may drop

# A list of `count` empty objects: as parsed values they need fifty times as much as their text.
EMPTY_OBJECTS = """
with open('/outputs/list.json', 'w') as file:
    file.write('[' + ','.join(['{{}}'] * {count}) + ']')
print('done')
"""
LARGE_PARAMETERS = {"list": [{}] * 21000}  # 63 KB as JSON without spaces

# A forged message of the harness, with control characters.
LONG_ERROR = """
import json, os
os.makedirs('/outputs/.modelrun', exist_ok=True)
text = '\\x1b[2J\\r\\nforged line ' + 'x' * 2000000
json.dump({'reason': 'OutputsInvalid', 'message': text}, open('/outputs/.modelrun/error.json', 'w'))
os._exit(0)
"""
