/// How long each waiting state of a tenant may last.
package struct Deadlines: Sendable {
    package var enrolment: Duration
    package var stage: Duration
    package var healthy: Duration
    package var redeploy: Duration
    /// For an unreachable instance to come back, before a redeploy of it gives up.
    package var offline: Duration
    package var poll: Duration
    /// How long a provider may hide what it has just created (eventual consistency).
    package var visibility: Duration
    /// For an instance to run as another type, before it gets its former one back.
    package var resize: Duration

    package init(
        enrolment: Duration, stage: Duration, healthy: Duration, redeploy: Duration, offline: Duration,
        poll: Duration, visibility: Duration, resize: Duration
    ) {
        self.enrolment = enrolment
        self.stage = stage
        self.healthy = healthy
        self.redeploy = redeploy
        self.offline = offline
        self.poll = poll
        self.visibility = visibility
        self.resize = resize
    }
}
