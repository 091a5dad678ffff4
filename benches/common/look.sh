#!/bin/sh
# What people run by hand for one host behind Cloudflare: dig, openssl and curl, one after the other.
# Arguments: HOST ORIGIN-NAME PATH RESOLVER EDGE ORIGIN, the last three as ADDRESS:PORT.
host=$1 origin_name=$2 path=$3 resolver=$4 edge=$5 origin=$6
dig +short +tries=1 "@${resolver%:*}" -p "${resolver#*:}" "$host" A
dig +short +tries=1 "@${resolver%:*}" -p "${resolver#*:}" "$origin_name" A
openssl s_client -connect "$edge" -servername "$host" </dev/null 2>/dev/null | openssl x509 -noout -enddate -issuer
curl -sk --connect-to "::$edge" -o /dev/null -D - "https://$host$path" -o /dev/null -D - "https://$host$path"
openssl s_client -connect "$origin" -servername "$host" </dev/null 2>/dev/null | openssl x509 -noout -enddate -issuer
curl -sk --connect-to "::$origin" -o /dev/null -D - "https://$host$path"
