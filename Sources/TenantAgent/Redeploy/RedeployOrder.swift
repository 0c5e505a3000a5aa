/// What a redeploy is asked to do.
struct RedeployOrder: Equatable, Sendable {
    enum Change: Equatable, Sendable {
        /// Another image for one service.
        case image(String, of: ServiceName)
        /// The platform's present configuration for molecule-tenant, with the image that it has.
        case configuration
    }

    var change: Change
    /// For the new container to become healthy.
    var deadlineSeconds = defaultDeadlineSeconds
    /// For the connections of the old container, between SIGTERM and SIGKILL.
    var drainSeconds = defaultDrainSeconds
    /// What was done under it is not done again.
    var id: String?
    /// Only says whether anything stands in the way.
    var isDryRun = false

    init(_ change: Change) { self.change = change }

    static let deadlineRange = 1...1800
    static let defaultDeadlineSeconds = 90
    static let drainRange = 0...300
    static let defaultDrainSeconds = 30
    static let maximumIDLength = 100

    var service: ServiceName {
        switch change {
        case .image(_, let service): service
        case .configuration: .tenant
        }
    }

    static func isID(_ text: String) -> Bool {
        (1...maximumIDLength).contains(text.utf8.count)
            && text.utf8.allSatisfy { byte in
                switch byte {
                case 0x30...0x39, 0x41...0x5A, 0x61...0x7A: true
                default: "._:-".utf8.contains(byte)
                }
            }
    }
}
