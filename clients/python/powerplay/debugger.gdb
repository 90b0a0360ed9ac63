# SPDX-License-Identifier: GPL-2.0-or-later
# What `powerplay gdb` tells gdb first.
#
# A monitor command may take the machine elsewhere, and gdb does not expect that: it forgets what it has read.
define hookpost-monitor
  python gdb.execute("maintenance flush register-cache", to_string=True)
  python gdb.execute("maintenance flush dcache", to_string=True)
end

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
