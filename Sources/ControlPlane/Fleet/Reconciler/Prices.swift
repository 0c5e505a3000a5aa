/// What things cost a month, for telling what an orphan wastes. List prices of us-east-1 in US dollars:
/// other regions are up to a third dearer, and discounts are not known here.
/// Sources: "Amazon EC2 On-Demand Pricing" (Linux, 730 hours), "Amazon EBS pricing" (gp3, standard
/// snapshots). Tunnels and DNS records cost nothing by themselves.
enum Prices {
    static let hoursPerMonth = 730.0
    static let volumeGiB = 0.08
    static let snapshotGiB = 0.05

    private static let instanceHour: [String: Double] = [
        "t3.nano": 0.0052, "t3.micro": 0.0104, "t3.small": 0.0208, "t3.medium": 0.0416, "t3.large": 0.0832,
        "t3.xlarge": 0.1664, "t3.2xlarge": 0.3328, "t3a.small": 0.0188, "t3a.medium": 0.0376,
        "t3a.large": 0.0752, "t3a.xlarge": 0.1504, "m5.large": 0.096, "m5.xlarge": 0.192,
        "m6i.large": 0.096, "m6i.xlarge": 0.192, "c5.large": 0.085, "c5.xlarge": 0.17,
    ]

    /// Without its volumes; a stopped one costs nothing. nil: the type is not in the table.
    static func instance(type: String, state: String) -> Double? {
        if state == "stopped" || state == "stopping" { return 0 }
        return instanceHour[type].map { $0 * hoursPerMonth }
    }

    static func volume(gibibytes: Int) -> Double { Double(gibibytes) * volumeGiB }
    static func snapshot(gibibytes: Int) -> Double { Double(gibibytes) * snapshotGiB }
}
