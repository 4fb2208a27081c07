// SPDX-License-Identifier: MIT OR Apache-2.0
//! Snapshots of a running machine, kept in a disk image that the guest does not see.

use serde_json::{Value, json};

use super::Vm;

/// Room for the guest's memory, in bytes.
const SIZE: u64 = 1 << 30;

impl Vm {
    /// Makes a place for snapshots.
    pub fn make_room_for_snapshots(&mut self) {
        let path = self.folder.path().join("snapshots.qcow2");
        let file = json!({ "driver": "file", "filename": path, "size": 0 });
        self.job("blockdev-create", json!({ "options": file }));
        let node = json!({ "node-name": "file", "driver": "file", "filename": path });
        self.qmp("blockdev-add", &node);
        let image = json!({ "driver": "qcow2", "file": "file", "size": SIZE });
        self.job("blockdev-create", json!({ "options": image }));
        let node = json!({ "node-name": "snapshots", "driver": "qcow2", "file": "file" });
        self.qmp("blockdev-add", &node);
    }

    /// Saves the machine as it is.
    pub fn save(&mut self, tag: &str) {
        self.job("snapshot-save", snapshot(tag));
    }

    /// Makes the machine what it was when it was saved.
    pub fn load(&mut self, tag: &str) {
        self.job("snapshot-load", snapshot(tag));
    }

    /// Runs a job to its end.
    fn job(&mut self, command: &str, mut arguments: Value) {
        arguments["job-id"] = command.into();
        self.qmp(command, &arguments);
        while self.event("JOB_STATUS_CHANGE")["status"] != "concluded" {}
        let jobs = self.qmp("query-jobs", &json!({}));
        assert!(jobs[0]["error"].is_null(), "{command}: {jobs}");
        self.qmp("job-dismiss", &json!({ "id": command }));
        // That it is gone is an event too, which is not one of the next job.
        while self.event("JOB_STATUS_CHANGE")["status"] != "null" {}
    }
}

fn snapshot(tag: &str) -> Value {
    json!({ "tag": tag, "vmstate": "snapshots", "devices": ["snapshots"] })
}
