/// How to reach the database and what to bound. Every limit has a default that suits one replica.
package struct PostgresConfiguration: Sendable {
    /// A libpq URL or keyword string: `postgresql:///name?host=/run/dir`. May hold a password: never log it.
    package var url: String
    /// Connections of the pool; one more is used once something listens.
    package var maximumConnections = 8
    /// How long a caller waits for a connection before `PostgresError.isPoolExhausted`. The same limit holds
    /// for a server that does not answer: a restart shorter than this is only a delay.
    package var waitLimit: Duration = .seconds(5)
    package var connectTimeout: Duration = .seconds(5)
    /// The server cancels a statement that runs longer (57014). Zero means no limit.
    package var statementTimeout: Duration = .seconds(30)
    /// The server ends a session that sits in an open transaction for longer (25P03).
    package var idleInTransactionTimeout: Duration = .seconds(60)
    package var applicationName: String
    /// Prepared statements kept a connection; the oldest goes first.
    package var statementCacheSize = 256

    package init(
        url: String, maximumConnections: Int = 8, waitLimit: Duration = .seconds(5),
        statementTimeout: Duration = .seconds(30), applicationName: String = "control-plane"
    ) {
        precondition(maximumConnections > 0, "a pool needs at least one connection")
        self.url = url
        self.maximumConnections = maximumConnections
        self.waitLimit = waitLimit
        self.statementTimeout = statementTimeout
        self.applicationName = applicationName
    }

    /// libpq's keywords and values. The URL comes first, so that what follows wins over it.
    var parameters: [(name: String, value: String)] {
        let options =
            "-c statement_timeout=\(statementTimeout.milliseconds)"
            + " -c idle_in_transaction_session_timeout=\(idleInTransactionTimeout.milliseconds)"
            + " -c timezone=UTC -c datestyle=ISO -c intervalstyle=postgres -c bytea_output=hex"
        return [
            ("dbname", url),
            ("application_name", applicationName),
            ("connect_timeout", String(max(2, connectTimeout.milliseconds / 1_000))),
            ("client_encoding", "UTF8"),
            ("options", options),
            // A server whose machine vanished is noticed within about half a minute.
            ("keepalives_idle", "10"), ("keepalives_interval", "5"), ("keepalives_count", "3"),
            ("tcp_user_timeout", "25000"),
        ]
    }
}

extension Duration {
    var milliseconds: Int64 { components.seconds * 1_000 + components.attoseconds / 1_000_000_000_000_000 }
}
