# The wget of Debian 7 and 8's installer is busybox's without long options, which can't post, so HTTP is spoken here.
case $(wget --help 2>&1) in
*--post-data*) ;;
*)
    post_form() {
        address=${bootstead_events#*://} body=$1
        host=${address%%/*} port=80
        case $host in *:*) port=${host##*:} ;; esac
        {
            printf '%s\r\n' "POST /${address#*/} HTTP/1.0" "Host: $host" "Authorization: Bearer $bootstead_token" \
                "Content-Type: application/x-www-form-urlencoded" "Content-Length: $(printf '%s' "$body" | wc -c)" ""
            printf '%s' "$body"
        } | nc "${host%:*}" "$port" | grep -q '^HTTP/1\.[01] 2'
    }
    ;;
esac
