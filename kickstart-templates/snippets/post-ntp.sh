# The clock follows the network's time servers, for installers that don't tell it.
for conf in /etc/ntp.conf /etc/chrony/chrony.conf; do
    [ -f "$conf" ] || continue
    sed '/^server /d; /^pool /d' "$conf" >"$conf.new"
    printf 'server %s iburst\n'{% for server in ntp %} {{ server | shell }}{% endfor %} >>"$conf.new"
    cat "$conf.new" >"$conf"
    rm -f "$conf.new"
done
[ ! -d /etc/ntp ] || printf '%s\n'{% for server in ntp %} {{ server | shell }}{% endfor %} >/etc/ntp/step-tickers
! command -v chkconfig >/dev/null 2>&1 || chkconfig ntpd on || :
