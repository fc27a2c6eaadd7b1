# Services on and off, for EL 4, whose kickstart has no services command.
set_service() {
    ! command -v chkconfig >/dev/null 2>&1 || chkconfig "$1" "$2" || say "no service $1"
}
{% for service in (params.services | default({})).enabled | default([]) %}
set_service {{ service | shell }} on
{% endfor %}
{% for service in (params.services | default({})).disabled | default([]) %}
set_service {{ service | shell }} off
{% endfor %}
