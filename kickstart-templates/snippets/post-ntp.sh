# The clock follows the network's time servers, for releases whose kickstart doesn't know them.
if [ -f /etc/ntp.conf ]; then
    sed '/^server /d; /^pool /d' /etc/ntp.conf >/etc/ntp.conf.new
    printf 'server %s iburst\n'{% for server in ntp %} {{ server | shell }}{% endfor %} >>/etc/ntp.conf.new
    cat /etc/ntp.conf.new >/etc/ntp.conf
    rm -f /etc/ntp.conf.new
fi
printf '%s\n'{% for server in ntp %} {{ server | shell }}{% endfor %} >/etc/ntp/step-tickers 2>/dev/null || :
! command -v chkconfig >/dev/null 2>&1 || chkconfig ntpd on || :
