/// A server for guests, in C.
package enum DatagramEcho {
    /// Answers each datagram with its own words behind `heard`.
    package static let source = """
        #include <netinet/in.h>
        #include <string.h>
        #include <sys/socket.h>
        int main(void) {
            struct sockaddr_in own = {.sin_family = AF_INET, .sin_port = htons(53)}, peer;
            int s = socket(AF_INET, SOCK_DGRAM, 0);
            char text[256] = "heard ";
            if (bind(s, (struct sockaddr *)&own, sizeof own)) return 1;
            for (;;) {
                socklen_t length = sizeof peer;
                long count = recvfrom(s, text + 6, 200, 0, (struct sockaddr *)&peer, &length);
                if (count > 0) sendto(s, text, 6 + count, 0, (struct sockaddr *)&peer, length);
            }
        }
        """
}
