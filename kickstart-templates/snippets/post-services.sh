# Services on and off, for installers that have no word for it.
set_service() {
    if command -v systemctl >/dev/null 2>&1; then
        systemctl "$2" "$1"
    elif command -v update-rc.d >/dev/null 2>&1; then
        update-rc.d "$1" "$2"
    else
        case $2 in enable) chkconfig "$1" on ;; *) chkconfig "$1" off ;; esac
    fi || say "no service $1"
}
{% for service in (params.services | default({})).enabled | default([]) %}
set_service {{ service | shell }} enable
{% endfor %}
{% for service in (params.services | default({})).disabled | default([]) %}
set_service {{ service | shell }} disable
{% endfor %}
