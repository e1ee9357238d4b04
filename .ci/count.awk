# Reads TAP; prints what failed, with where it stands and what was said about it, and last "N passed, N failed".
#
# A point that follows points further in sums those up: only the innermost count. What failed without one that did (a
# file that crashed or ran out of time) counts as one. What failed comes last because a log may be cut at its front.

match($0, /^ *# Subtest: /) { title[RLENGTH - length("# Subtest: ")] = substr($0, RLENGTH + 1) }

match($0, /^ *(not )?ok [0-9]/) {
  depth = match($0, /[on]/) - 1
  bad = $0 ~ /^ *not ok/ && $0 !~ /# *(TODO|SKIP)/
  telling = 0
  if (depth < last) {
    if (bad && !failedInside[last]) fail(depth)
    if (bad) failedInside[depth] = 1
    failedInside[last] = 0
  } else if (bad) { fail(depth); failedInside[depth] = 1 }
  else if ($0 !~ /# *(TODO|SKIP)/) passed++
  last = depth
  next
}
/^ *Bail out!/ { fail(0) }
telling > 0 && failed <= 20 { print substr($0, 1, 400); telling-- }

function fail(depth,   at, path) {
  failed++
  if (failed > 20) return
  for (at = 0; at < depth; at += 4) path = path title[at] " > "
  print "FAILED " path substr($0, depth + 1, 400)
  telling = 40
}

END {
  if (failed > 20) print "and " failed - 20 " more"
  print passed + 0 " passed, " failed + 0 " failed"
}
