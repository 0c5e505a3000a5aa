import Dispatch
import DurableFiles
import Glibc
import TunnelLink

/// cloudflared's stand-in for the local edge, with its command line: `tunnel-connector tunnel
/// --no-autoupdate [--metrics HOST:PORT] run`, token in the file that TUNNEL_TOKEN_FILE names or in
/// TUNNEL_TOKEN.
///
/// It dials out only. SIGTERM: idle connections are closed at once, used ones may finish, then exit 0.
@main
enum Main {
    /// Longest wait for connections in use, after SIGTERM.
    private static let gracePeriod = DispatchTimeInterval.seconds(30)

    static func main() async {
        let arguments = Arguments.read(CommandLine.arguments.dropFirst())
        var environment = FileVariables(variable)
        guard let token = TunnelProtocol.Token(base64: environment("TUNNEL_TOKEN") ?? "") else {
            Log.fail(environment.problems.first ?? "TUNNEL_TOKEN is not a tunnel's token", status: 1)
        }
        guard let connector = Connector(token) else {
            Log.fail("the token names no edge to dial (host:port)", status: 1)
        }
        if let address = arguments.metrics {
            do {
                try await ReadinessServer(address: address, connector: connector.client).start()
            } catch {
                Log.fail("cannot listen on \(address.host):\(address.port)", status: 1)
            }
        }
        Log.line("starting tunnel \(token.tunnel)")
        await run(connector.client)
        Log.line("stopped")
    }

    private static func run(_ client: TunnelClient) async {
        let signals = [SIGTERM, SIGINT].map { number in
            signal(number, SIG_IGN)
            let source = DispatchSource.makeSignalSource(signal: number)
            source.setEventHandler {
                Log.line("draining")
                client.drain()
                DispatchQueue.global().asyncAfter(deadline: .now() + gracePeriod) { exit(0) }
            }
            source.resume()
            return source
        }
        await client.run()
        signals.forEach { $0.cancel() }
    }

    private static func variable(_ name: String) -> String? { getenv(name).map { String(cString: $0) } }
}

struct Arguments {
    var metrics: (host: String, port: Int)?

    /// cloudflared has many more options; those that change nothing here are let through.
    static func read(_ words: some Sequence<String>) -> Arguments {
        var result = Arguments()
        var verbs: [String] = []
        var iterator = words.makeIterator()
        while let word = iterator.next() {
            switch word {
            case "--metrics":
                result.metrics = iterator.next().flatMap { TunnelProtocol.hostAndPort($0) }
                if result.metrics == nil { Log.fail("--metrics takes HOST:PORT", status: 64) }
            case let option where option.hasPrefix("--metrics="):
                result.metrics = TunnelProtocol.hostAndPort(option.dropFirst("--metrics=".count))
            case let option where option.hasPrefix("-"): continue
            default: verbs.append(word)
            }
        }
        guard verbs == ["tunnel", "run"] else {
            Log.fail("usage: tunnel-connector tunnel --no-autoupdate [--metrics HOST:PORT] run", status: 64)
        }
        return result
    }
}

enum Log {
    static func line(_ text: String) {
        let bytes = Array((text + "\n").utf8)
        _ = write(STDERR_FILENO, bytes, bytes.count)
    }

    static func fail(_ text: String, status: Int32) -> Never {
        line(text)
        exit(status)
    }
}
