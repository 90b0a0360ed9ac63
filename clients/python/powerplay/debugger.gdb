# SPDX-License-Identifier: GPL-2.0-or-later
# What `powerplay gdb` tells gdb first.
#
# A monitor command may take the machine elsewhere, and gdb does not expect that: it forgets what it has read.
define hookpost-monitor
  python gdb.execute("maintenance flush register-cache", to_string=True)
  python gdb.execute("maintenance flush dcache", to_string=True)
end

# A kernel has no dynamic linker to look for.
set osabi none
set sysroot

define seek
  if $argc == 1
    monitor seek $arg0
  else
    monitor seek $arg0 $arg1
  end
end
document seek
Go to another place of a replay: seek N, +N, -N (instructions), begin, end, time NANOSECONDS, event N, mark NAME.
Breakpoints do not stop it.
end

define when
  monitor when
end
document when
Where the machine is: instructions executed, virtual time, run state.
end

define reverse-out
  python
import re
found = re.match(r"\S+(?: \+ (\d+))? in section", gdb.execute("info symbol $pc", to_string=True))
if not found:
    raise gdb.GdbError("there is no symbol for this function")
start = int(gdb.parse_and_eval("(unsigned long)$pc")) - int(found.group(1) or 0)
places = [gdb.Breakpoint(f"*{start + entry:#x}", internal=True) for entry in (0, 8)]
try:
    gdb.execute("reverse-continue", to_string=True)
finally:
    for place in places:
        place.delete()
gdb.execute("reverse-stepi")
  end
end
document reverse-out
Go back to where this function was called. gdb 13's own reverse-finish looks for a function's global entry only, and
most functions of a 64-bit kernel are entered 8 bytes behind it.
end
