//! What a child stands on until its program is loaded.

use std::ffi::c_void;

/// One child at a time.
pub(crate) struct Stack(Box<[u128]>);

impl Stack {
    /// The child calls a few functions without recursion, and keeps nothing on the stack but their
    /// frames: a test shows that a fraction of this is used.
    const SIZE: usize = 64 * 1024;

    pub(crate) fn new() -> Self {
        Self(vec![0; Self::SIZE / size_of::<u128>()].into())
    }

    /// Its end, aligned to 16 bytes as every ABI of 64-bit Linux wants it. Stacks grow down from there.
    pub(crate) fn top(&mut self) -> *mut c_void {
        self.0.as_mut_ptr_range().end.cast()
    }

    /// Where it lies, and how large it is.
    pub(crate) fn whole(&mut self) -> (u64, u64) {
        (self.0.as_mut_ptr() as u64, Self::SIZE as u64)
    }

    /// Which part of it was ever written to.
    #[cfg(test)]
    pub(crate) fn share_used(&self) -> f64 {
        let unused = self.0.iter().take_while(|word| **word == 0).count();
        1.0 - unused as f64 / self.0.len() as f64
    }
}
