# Splits a kickstart into a folder (-v out=FOLDER): `commands`, and for each script section NNN.kind, NNN.options, NNN.body.
# EL6 and later close a section with %end; before, the next section closes it. Which of the two is seen from the file.
function open_section(line) {
    section++
    name = sprintf("%s/%03d", out, section)
    kind = line
    sub(/^%/, "", kind)
    options = kind
    sub(/[ \t].*/, "", kind)
    sub(/^[^ \t]*[ \t]*/, "", options)
    print kind >(name ".kind")
    print options >(name ".options")
    body = name ".body"
    printf "" >body
}

BEGIN {
    starts = "^%(pre|pre-install|post|packages|addon|anaconda|onerror|traceback)([ \t]|$)"
    while ((getline line <ARGV[1]) > 0)
        if (line ~ /^%end([ \t]|$)/) ended = 1
    close(ARGV[1])
    printf "" >(out "/commands")
}

{ sub(/\r$/, "") }
ended && body != "" && /^%end([ \t]|$)/ { close(body); body = ""; next }
(!ended || body == "") && $0 ~ starts { open_section($0); next }
body != "" { print >body; next }
{ print >(out "/commands") }

END {
    if (ended && body != "") {
        print "section " kind " has no %end" >"/dev/stderr"
        exit 1
    }
}
