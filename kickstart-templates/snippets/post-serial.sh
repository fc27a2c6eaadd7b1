# A log-in prompt on the machine's serial or hypervisor console, for releases whose init doesn't start one by itself.
add_console() {
    line=${1%%,*}
    speed=${1#"$line"}
    speed=$(echo "${speed#,}" | sed 's/[^0-9].*//')
    grep -qx "$line" /etc/securetty 2>/dev/null || echo "$line" >>/etc/securetty
    if [ -f /etc/inittab ] && ! grep -q "agetty $line " /etc/inittab; then
        echo "co:2345:respawn:/sbin/agetty $line ${speed:-9600} vt100" >>/etc/inittab
    fi
}
{% for console in machine.consoles %}
{% if console != "tty0" %}
add_console {{ console | shell }}
{% endif %}
{% endfor %}
