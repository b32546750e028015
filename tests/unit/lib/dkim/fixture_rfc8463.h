/* The message, the keys and the signatures of RFC 8463 appendix A (the RSA key is that of RFC 6376 appendix C). */
#ifndef LEVERET_TESTS_UNIT_LIB_DKIM_FIXTURE_RFC8463_H
#define LEVERET_TESTS_UNIT_LIB_DKIM_FIXTURE_RFC8463_H

#define RFC8463_FROM	   "From: Joe SixPack <joe@football.example.com>\r\n"
#define RFC8463_TO	   "To: Suzie Q <suzie@shopping.example.net>\r\n"
#define RFC8463_SUBJECT	   "Subject: Is dinner ready?\r\n"
#define RFC8463_DATE	   "Date: Fri, 11 Jul 2003 21:00:37 -0700 (PDT)\r\n"
#define RFC8463_MESSAGE_ID "Message-ID: <20030712040037.46341.5F8J@football.example.com>\r\n"
#define RFC8463_BODY	   "Hi.\r\n\r\nWe lost the game.  Are you hungry yet?\r\n\r\nJoe.\r\n\r\n"
#define RFC8463_BODY_HASH  "2jUSOH9NhtVGCQWNr9BrIAPreKQjO6Sn7XIkfJVOzv8="

#define RFC8463_ED25519_FIELD                                                                      \
	"DKIM-Signature: v=1; a=ed25519-sha256; c=relaxed/relaxed;\r\n"                            \
	" d=football.example.com; i=@football.example.com;\r\n"                                    \
	" q=dns/txt; s=brisbane; t=1528637909; h=from : to :\r\n"                                  \
	" subject : date : message-id : from : subject : date;\r\n"                                \
	" bh=" RFC8463_BODY_HASH ";\r\n b=\r\n"
#define RFC8463_ED25519_SIGNATURE                                                                  \
	"/gCrinpcQOoIfuHNQIbq4pgh9kyIK3AQUdt9OdqQehSwhEIug4D11Bus"                                 \
	"Fa3bT3FY5OsU7ZbnKELq+eXdp1Q1Dw=="
#define RFC8463_RSA_FIELD                                                                          \
	"DKIM-Signature: v=1; a=rsa-sha256; c=relaxed/relaxed;\r\n"                                \
	" d=football.example.com; i=@football.example.com;\r\n"                                    \
	" q=dns/txt; s=test; t=1528637909; h=from : to : subject :\r\n"                            \
	" date : message-id : from : subject : date;\r\n"                                          \
	" bh=" RFC8463_BODY_HASH ";\r\n b=\r\n"
#define RFC8463_RSA_SIGNATURE                                                                      \
	"F45dVWDfMbQDGHJFlXUNB2HKfbCeLRyhDXgFpEL8GwpsRe0IeIixNTe3"                                 \
	"DhCVlUrSjV4BwcVcOF6+FF3Zo9Rpo1tFOeS9mPYQTnGdaSGsgeefOsk2Jz"                               \
	"dA+L10TeYt9BgDfQNZtKdN1WO//KgIqXP7OdEFE4LjFYNcUxZQ4FADY+8="

#define RFC8463_ED25519_PUBLIC "11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo="
#define RFC8463_RSA_PUBLIC                                                                         \
	"MIGfMA0GCSqGSIb3DQEBAQUAA4GNADCBiQKBgQDkHlOQoBTzWRiGs5V6NpP3idY6Wk08a5qhdR6wy5bdOKb2jLQi" \
	"Y/J16JYi0Qvx/byYzCNb3W91y3FutACDfzwQ/BC/e/8uBsCR+yz1Lxj+PL6lHvqMKrM3rG4hstT5QjvHO9PzoxZy" \
	"VYLzBfO2EeC3Ip3G+2kryOTIKT+l/K4w3QIDAQAB"
#define RFC8463_ED25519_KEY                                                                        \
	"-----BEGIN PRIVATE KEY-----\n"                                                            \
	"MC4CAQAwBQYDK2VwBCIEIJ1hsZ3v/VpguoRK9JLsLMREScVpezJpGXA7rAMcrn9g\n"                       \
	"-----END PRIVATE KEY-----\n"
#define RFC8463_RSA_KEY                                                                            \
	"-----BEGIN RSA PRIVATE KEY-----\n"                                                        \
	"MIICXQIBAAKBgQDkHlOQoBTzWRiGs5V6NpP3idY6Wk08a5qhdR6wy5bdOKb2jLQi\n"                       \
	"Y/J16JYi0Qvx/byYzCNb3W91y3FutACDfzwQ/BC/e/8uBsCR+yz1Lxj+PL6lHvqM\n"                       \
	"KrM3rG4hstT5QjvHO9PzoxZyVYLzBfO2EeC3Ip3G+2kryOTIKT+l/K4w3QIDAQAB\n"                       \
	"AoGAH0cxOhFZDgzXWhDhnAJDw5s4roOXN4OhjiXa8W7Y3rhX3FJqmJSPuC8N9vQm\n"                       \
	"6SVbaLAE4SG5mLMueHlh4KXffEpuLEiNp9Ss3O4YfLiQpbRqE7Tm5SxKjvvQoZZe\n"                       \
	"zHorimOaChRL2it47iuWxzxSiRMv4c+j70GiWdxXnxe4UoECQQDzJB/0U58W7RZy\n"                       \
	"6enGVj2kWF732CoWFZWzi1FicudrBFoy63QwcowpoCazKtvZGMNlPWnC7x/6o8Gc\n"                       \
	"uSe0ga2xAkEA8C7PipPm1/1fTRQvj1o/dDmZp243044ZNyxjg+/OPN0oWCbXIGxy\n"                       \
	"WvmZbXriOWoSALJTjExEgraHEgnXssuk7QJBALl5ICsYMu6hMxO73gnfNayNgPxd\n"                       \
	"WFV6Z7ULnKyV7HSVYF0hgYOHjeYe9gaMtiJYoo0zGN+L3AAtNP9huqkWlzECQE1a\n"                       \
	"licIeVlo1e+qJ6Mgqr0Q7Aa7falZ448ccbSFYEPD6oFxiOl9Y9se9iYHZKKfIcst\n"                       \
	"o7DUw1/hz2Ck4N5JrgUCQQCyKveNvjzkkd8HjYs0SwM0fPjK16//5qDZ2UiDGnOe\n"                       \
	"uEzxBDAr518Z8VFbR41in3W4Y3yCDgQlLlcETrS+zYcL\n"                                           \
	"-----END RSA PRIVATE KEY-----\n"

#endif
